"""What the visitor's browser does by itself and keeps: events that never reach the server."""
