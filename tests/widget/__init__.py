"""The widget, over HTTP and in a browser."""
