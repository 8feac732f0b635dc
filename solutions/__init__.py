"""Reference answers. Instructors only: never shipped to students, never visible inside the sandbox."""
