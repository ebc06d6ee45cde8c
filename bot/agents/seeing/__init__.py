"""What an agent shows and says, for a person who is not at the terminal."""
