//! A file or bytes in memory -> [`Idx`], the length proven before anything is allocated.

use std::fs::{self, File, FileType};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use crate::data::Idx;
use crate::error::{Error, ErrorKind};
use crate::gzip::{self, Inflate};
use crate::header::Header;

/// Compressed input per system call; raw payloads are read past this buffer, straight to their place.
const BUFFER_BYTES: usize = 256 * 1024;

/// Bytes that are looked through behind a payload for the end of a damaged gzip stream.
const BEYOND_BYTES: usize = 4 * 1024;

/// How much of a gzip payload is allocated before it has been seen, in sizes of the compressed file.
/// MNIST's images expand 4.8 times, Fashion-MNIST's 1.8 times; what expands more grows by doubling.
const TRUSTED_RATIO: u64 = 8;

/// Reads a file, raw or gzip as its first bytes say, and proves it whole.
///
/// Time: a raw file is one copy from the system; gzip takes its inflation. Memory: the payload, and
/// at most eight times a gzip file's size before as much has really come out of it.
///
/// # Errors
/// - [`Open`](ErrorKind::Open), [`NotARegularFile`](ErrorKind::NotARegularFile) (a FIFO is not
///   opened, so nothing blocks), [`Read`](ErrorKind::Read), [`OutOfMemory`](ErrorKind::OutOfMemory);
/// - [`TooShort`](ErrorKind::TooShort), [`BadMagic`](ErrorKind::BadMagic),
///   [`UnknownType`](ErrorKind::UnknownType), [`BadRank`](ErrorKind::BadRank),
///   [`DimOverflow`](ErrorKind::DimOverflow) for the header;
/// - [`SizeMismatch`](ErrorKind::SizeMismatch), [`TrailingData`](ErrorKind::TrailingData),
///   [`ClaimTooLarge`](ErrorKind::ClaimTooLarge) for the payload. A file that changes while it is
///   read gives one of them as well;
/// - [`Gzip`](ErrorKind::Gzip). Several gzip streams one after another are one content, joined.
pub fn read(path: impl AsRef<Path>) -> Result<Idx, Error> {
    let path = path.as_ref();
    read_file(path).map_err(Error::at(path))
}

/// Reads a whole file's bytes, raw or gzip, as [`read`] does.
///
/// ```
/// use idx::{ErrorKind, parse};
///
/// let labels = parse(&[0, 0, 8, 1, 0, 0, 0, 2, 7, 3])?;
/// assert_eq!((labels.dims(), labels.payload()), (&[2][..], &[7, 3][..]));
///
/// let cut = parse(&[0, 0, 8, 1, 0, 0, 0, 2, 7]);
/// assert!(matches!(cut, Err(ErrorKind::SizeMismatch { expected_bytes: 2, found_bytes: 1 })));
/// # Ok::<(), idx::ErrorKind>(())
/// ```
///
/// # Errors
/// Those of [`read`], less the ones about files.
pub fn parse(bytes: &[u8]) -> Result<Idx, ErrorKind> {
    decode(bytes, bytes.len() as u64)
}

fn read_file(path: &Path) -> Result<Idx, ErrorKind> {
    let (input, file_bytes) = open_file(path)?;
    decode(input, file_bytes)
}

/// Opens a regular file; returns it with its length.
pub(crate) fn open_file(path: &Path) -> Result<(BufReader<File>, u64), ErrorKind> {
    // Before opening, because opening a FIFO waits for its writer; after, because the name may have
    // come to mean another file in between.
    prove_regular(fs::metadata(path).map_err(ErrorKind::Open)?.file_type())?;
    let file = File::open(path).map_err(ErrorKind::Open)?;
    let metadata = file.metadata().map_err(ErrorKind::Open)?;
    prove_regular(metadata.file_type())?;
    Ok((BufReader::with_capacity(BUFFER_BYTES, file), metadata.len()))
}

fn prove_regular(kind: FileType) -> Result<(), ErrorKind> {
    if kind.is_file() {
        return Ok(());
    }
    let found = if kind.is_dir() { "a folder" } else { "a pipe or a device" };
    Err(ErrorKind::NotARegularFile { found })
}

/// Where a header and a payload come from: a raw file, or the content of a gzip file.
pub(crate) trait Source {
    /// Fills the buffer; with fewer bytes only at the end. Returns how many.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind>;

    /// Appends to `out` within its spare capacity, of which there is some. Returns how many bytes; 0
    /// only at the end.
    fn append(&mut self, out: &mut Vec<u8>) -> Result<usize, ErrorKind>;
}

/// The bytes of a raw file.
pub(crate) struct Raw<R>(R);

impl<R: Read> Source for Raw<R> {
    fn read(&mut self, mut buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let mut limited = self.0.by_ref().take(buffer.len() as u64);
        let count = io::copy(&mut limited, &mut buffer).map_err(ErrorKind::Read)?;
        Ok(count as usize)
    }

    fn append(&mut self, out: &mut Vec<u8>) -> Result<usize, ErrorKind> {
        let spare = out.capacity() - out.len();
        self.0.by_ref().take(spare as u64).read_to_end(out).map_err(ErrorKind::Read)
    }
}

/// What begins with the first bytes of an input, which were read to find out what it is.
type Begun<R> = io::Chain<io::Take<Cursor<[u8; gzip::MAGIC.len()]>>, R>;

/// A file of either form.
pub(crate) enum Either<R> {
    Raw(Raw<Begun<R>>),
    Gzip(Inflate<Begun<R>>),
}

impl<R: BufRead> Source for Either<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        match self {
            Self::Raw(raw) => raw.read(buffer),
            Self::Gzip(inflate) => inflate.read(buffer),
        }
    }

    fn append(&mut self, out: &mut Vec<u8>) -> Result<usize, ErrorKind> {
        match self {
            Self::Raw(raw) => raw.append(out),
            Self::Gzip(inflate) => inflate.append(out),
        }
    }
}

/// Decodes an input that is said to be `file_bytes` long.
fn decode(input: impl BufRead, file_bytes: u64) -> Result<Idx, ErrorKind> {
    let mut payload = Payload::open(input, file_bytes)?;
    let bytes = payload.piece_in(Vec::new(), usize::MAX)?;
    Ok(Idx::from_parts(payload.header, bytes))
}

/// A payload to be read piece by piece, behind a header that was read and proven.
pub(crate) struct Payload<S> {
    pub header: Header,
    source: S,
    /// Bytes that may be allocated for a piece before as many have been read.
    trusted_bytes: u64,
    /// Bytes that were given out, and those that were read and not given out.
    given: usize,
    read_ahead: Vec<u8>,
    /// Bytes that were found behind the payload, at least.
    extra: usize,
    is_proven: bool,
}

impl<R: BufRead> Payload<Either<R>> {
    /// Tells raw from gzip, reads the header and proves its claim as far as the length of the file can.
    pub fn open(mut input: R, file_bytes: u64) -> Result<Self, ErrorKind> {
        let mut start = [0; gzip::MAGIC.len()];
        let count = Raw(&mut input).read(&mut start)?;
        let is_gzip = start == gzip::MAGIC;
        let input = Cursor::new(start).take(count as u64).chain(input);
        if is_gzip {
            let mut source = Either::Gzip(Inflate::new(input));
            let header = Header::read(&mut source)?;
            let declared_bytes = (header.size_bytes() + header.payload_bytes()) as u64;
            if declared_bytes > file_bytes.saturating_mul(gzip::MAX_RATIO) {
                return Err(ErrorKind::ClaimTooLarge { declared_bytes, file_bytes });
            }
            return Ok(Self::new(header, source, file_bytes.saturating_mul(TRUSTED_RATIO)));
        }
        let mut source = Either::Raw(Raw(input));
        let header = Header::read(&mut source)?;
        let after_header = file_bytes.saturating_sub(header.size_bytes() as u64);
        prove_size(&header, after_header)?;
        Ok(Self::new(header, source, after_header))
    }

    /// Whether the payload is compressed.
    pub fn is_gzip(&self) -> bool {
        matches!(self.source, Either::Gzip(_))
    }
}

impl<S: Source> Payload<S> {
    fn new(header: Header, source: S, trusted_bytes: u64) -> Self {
        let read_ahead = Vec::new();
        Self { header, source, trusted_bytes, given: 0, read_ahead, extra: 0, is_proven: false }
    }

    /// Returns the next bytes: as many as are left, at most `most_bytes`, in the memory of `piece`. The last
    /// of them come only after the payload was proven to end where it should.
    pub fn piece_in(
        &mut self,
        mut piece: Vec<u8>,
        most_bytes: usize,
    ) -> Result<Vec<u8>, ErrorKind> {
        let expected = self.header.payload_bytes();
        let wanted = most_bytes.min(expected - self.given);
        let trusted = usize::try_from(self.trusted_bytes).unwrap_or(usize::MAX);
        piece.clear();
        // Room for more would be filled, and another fault found first than in one piece.
        piece.shrink_to(wanted);
        piece.append(&mut self.read_ahead);
        while piece.len() < wanted {
            if piece.len() == piece.capacity() {
                let step = if piece.is_empty() { trusted } else { piece.len() };
                let missing = wanted - piece.len();
                piece
                    .try_reserve_exact(step.min(missing))
                    .map_err(|_| ErrorKind::OutOfMemory { needed_bytes: wanted as u64 })?;
            }
            if self.source.append(&mut piece)? == 0 {
                break;
            }
        }
        if piece.len() > wanted {
            // An allocator may give more room than it was asked for.
            self.read_ahead = piece.split_off(wanted);
        }
        self.given += piece.len();
        if (piece.len() < wanted || self.given == expected) && !self.is_proven {
            // One byte further: it must not be there, and asking for it proves the last gzip checksum.
            self.extra = self.extra.max(self.read_ahead.len() + self.source.read(&mut [0])?);
            if self.extra > 0 {
                // A damaged stream may give some bytes too many: then its end is near, and its checksum tells.
                self.source.read(&mut [0; BEYOND_BYTES])?;
            }
            prove_size(&self.header, (self.given + self.extra) as u64)?;
            self.is_proven = true;
        }
        Ok(piece)
    }
}

fn prove_size(header: &Header, found_bytes: u64) -> Result<(), ErrorKind> {
    let expected_bytes = header.payload_bytes() as u64;
    match found_bytes.checked_sub(expected_bytes) {
        None => Err(ErrorKind::SizeMismatch { expected_bytes, found_bytes }),
        Some(0) => Ok(()),
        Some(extra_bytes) => Err(ErrorKind::TrailingData { expected_bytes, extra_bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::element::ElementType;

    const LABELS: [u8; 10] = [0, 0, 8, 1, 0, 0, 0, 2, 7, 3];

    /// A file whose length was one thing when it was asked for and another when it was read.
    #[test]
    fn length_changes_under_way() {
        let cut = decode(&LABELS[..9], 10);
        let expected = ErrorKind::SizeMismatch { expected_bytes: 2, found_bytes: 1 };
        assert_eq!(format!("{:?}", cut.unwrap_err()), format!("{expected:?}"));

        let grown = decode(&[&LABELS[..], &[0; 9]].concat()[..], 10);
        let expected = ErrorKind::TrailingData { expected_bytes: 2, extra_bytes: 1 };
        assert_eq!(format!("{:?}", grown.unwrap_err()), format!("{expected:?}"));
    }

    #[test]
    fn more_than_memory() {
        let header = Header::new(ElementType::U8, vec![1 << 31, 1 << 31]).unwrap();
        let mut payload = Payload::new(header, Raw(io::empty()), u64::MAX);
        let error = payload.piece_in(Vec::new(), usize::MAX).unwrap_err();
        assert!(matches!(error, ErrorKind::OutOfMemory { needed_bytes: 0x4000_0000_0000_0000 }));
    }

    /// Fails at one byte, is interrupted before every other.
    struct Flaky<'a> {
        bytes: &'a [u8],
        fails_at: usize,
        position: usize,
        was_interrupted: bool,
    }

    impl Read for Flaky<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.was_interrupted = !self.was_interrupted;
            if self.was_interrupted {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if self.position == self.fails_at {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            let Some(byte) = self.bytes.get(self.position) else { return Ok(0) };
            buffer[0] = *byte;
            self.position += 1;
            Ok(1)
        }
    }

    #[test]
    fn failing_and_interrupted_reads() {
        use std::io::Write;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&LABELS).unwrap();
        for bytes in [&LABELS[..], &gzip.finish().unwrap()] {
            for fails_at in 0..=bytes.len() + 1 {
                let flaky = Flaky { bytes, fails_at, position: 0, was_interrupted: false };
                match decode(BufReader::with_capacity(1, flaky), bytes.len() as u64) {
                    Ok(idx) => {
                        assert_eq!((fails_at, idx.payload()), (bytes.len() + 1, &[7, 3][..]))
                    }
                    Err(ErrorKind::Read(error)) => {
                        assert!(fails_at <= bytes.len());
                        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
}
