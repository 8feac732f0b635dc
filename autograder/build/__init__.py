"""From a lesson's source text to the instructor's notebook, the student's notebook and the answer key."""
