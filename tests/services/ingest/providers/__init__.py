"""What each provider's bodies become."""
