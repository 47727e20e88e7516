//! a mail message: read with offsets, edited without touching the rest, built.
