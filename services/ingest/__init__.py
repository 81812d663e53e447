"""The door for webhooks: verify on the raw body, translate to canonical events, answer once Kafka has them."""
