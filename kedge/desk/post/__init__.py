"""The post: notices kept until they are delivered, by Telegram, e-mail and webhooks."""
