"""What the flags promise, each proved with the real server stopped, hung, emptied or slowed."""
