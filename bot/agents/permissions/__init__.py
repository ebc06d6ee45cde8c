"""What agents ask a person, from the dialog or the hook to the answer and back."""
