//! mail in and out: SMTP and LMTP sessions, channels, remote delivery.
