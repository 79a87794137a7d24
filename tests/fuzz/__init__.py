"""Coverage-guided fuzzing of the wire; see README.md beside this file."""
