"""One submission, locked in: a warm process inside bubblewrap, and a fork of it for each submission."""
