"""Reports as HTML and SVG; nothing here imports Gradio."""
