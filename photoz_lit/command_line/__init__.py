"""What the user types: arguments read and checked, help, and errors as one sentence; nothing in here needs torch."""
