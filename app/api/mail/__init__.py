"""The door for mail: SMTP and LMTP, from the conversation to a durable submission."""
