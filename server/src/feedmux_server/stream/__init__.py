"""Live answers over WebSockets: a hub that watches each question once, and what is spoken with clients."""
