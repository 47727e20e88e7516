//! Files and folders into which only their owner can look.

use std::path::Path;

use crate::failure::Failure;

/// Makes a folder that only its owner can look into.
///
/// # Errors
/// It cannot be made.
pub fn make_private(folder: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Failure::failed(format!("cannot make the folder {}", folder.display())).because(error))
}

/// Writes a file that only its owner can read.
///
/// # Errors
/// Those of the file system.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
