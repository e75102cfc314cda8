"""The page's tab, the endpoints and the charts; the only place of the package with Gradio."""
