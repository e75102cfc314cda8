"""What makes the tab a lesson: its steps, guesses, ghosts and drawn loops; no Gradio in here."""
