"""What flows have to do with the world around them: events of others, answers of people, transactions."""
