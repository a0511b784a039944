"""What comes to a server from elsewhere and is large: files in pieces, pushes of git. For protocols of any voice."""
