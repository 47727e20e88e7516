//! The login: each side sends 32 random octets and proves with HMAC-SHA-256 over both that it knows the secret. The secret
//! itself never leaves either side, and a proof is good for one connection and one direction only.

/// The first octets of a server's greeting; the last of them is the version.
pub const MAGIC: &[u8; 8] = b"HGMETER1";

/// Under this the client proves, over the server's and the client's random octets.
pub const CLIENT: &[u8] = b"heliograph meter 1 client";

/// Under this the server proves, over the same.
pub const SERVER: &[u8] = b"heliograph meter 1 server";
