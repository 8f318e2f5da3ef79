"""Callbacks for trainers of other packages, each imported by itself."""
