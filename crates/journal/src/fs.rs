//! The one door to the disk. The journal touches files only through [`FileSystem`], so that a test or the simulator
//! puts [`crate::Faulty`] in the place of [`Disk`]. It owns no policy: a failed call is handed up as it came.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A file system as the journal needs it.
pub trait FileSystem: Send + Sync {
    /// Creates a file for reading and writing.
    ///
    /// # Errors
    /// Of the operating system; also where the file is there already.
    fn create(&self, path: &Path) -> io::Result<Box<dyn FileHandle>>;
    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// Of the operating system.
    fn open(&self, path: &Path) -> io::Result<Box<dyn FileHandle>>;
    /// Renames a file, over another one where that is there. Durable after [`FileSystem::sync_dir`].
    ///
    /// # Errors
    /// Of the operating system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file. Durable after [`FileSystem::sync_dir`].
    ///
    /// # Errors
    /// Of the operating system.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The files of a folder, sorted by name.
    ///
    /// # Errors
    /// Of the operating system.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// Creates a folder and those above it, and makes that durable.
    ///
    /// # Errors
    /// Of the operating system.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Of the operating system.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Keeps other writers out of a folder until what is returned is dropped, or the process ends.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where another writer is there; else of the operating system.
    fn lock_dir(&self, dir: &Path) -> io::Result<DirLock>;
}

/// Held by the one writer of a folder.
pub type DirLock = Box<dyn Send + Sync>;

/// Name of the file that [`Disk`] locks. It holds nothing, and stays: to remove it would let two writers in.
const LOCK_NAME: &str = "lock";

/// An open file.
pub trait FileHandle: Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// Of the operating system.
    fn file_len(&self) -> io::Result<u64>;
    /// Writes all of `bytes` from `offset` on.
    ///
    /// # Errors
    /// Of the operating system; some of the bytes may have been written then.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Fills `buffer` from `offset` on. Returns how many bytes there were; fewer than asked for only at the end.
    ///
    /// # Errors
    /// Of the operating system.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Makes the file's bytes durable (`fdatasync`); a new length too, but no times.
    ///
    /// # Errors
    /// Of the operating system. What was not durable before may never be, whatever a second call says.
    fn sync_data(&self) -> io::Result<()>;
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl FileSystem for Disk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        Ok(Box::new(File::options().read(true).write(true).create_new(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn FileHandle>> {
        Ok(Box::new(File::options().read(true).write(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                files.push(entry.path());
            }
        }
        files.sort();
        Ok(files)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
        std::fs::create_dir_all(dir)?;
        for parent in missing.iter().filter_map(|dir| dir.parent()) {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            self.sync_dir(parent)?;
        }
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn lock_dir(&self, dir: &Path) -> io::Result<DirLock> {
        let file = File::options().write(true).create(true).truncate(false).open(dir.join(LOCK_NAME))?;
        file.try_lock()?;
        Ok(Box::new(file))
    }
}

impl FileHandle for File {
    fn file_len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            match FileExt::read_at(self, rest, at) {
                Ok(0) => break,
                Ok(read) => filled = filled.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }
}
