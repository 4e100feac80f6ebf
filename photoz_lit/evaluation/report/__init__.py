"""The HTML report of a run or of several, and the words in it."""
