"""The tab: the only folder here that imports Gradio."""
