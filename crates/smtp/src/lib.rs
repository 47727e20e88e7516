//! what mail servers say to each other: SMTP and LMTP, both sides, without input or output.
