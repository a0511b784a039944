"""The notification service's own port: clients in other languages speak gRPC with it."""
