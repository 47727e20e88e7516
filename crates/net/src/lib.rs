//! sockets, TLS, limits, DNS, the administration HTTP server and the one drive loop.
