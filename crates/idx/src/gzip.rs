//! Inflates a gzip stream (RFC 1952) straight into the caller's buffer.
//!
//! flate2's own gzip readers report a wrong checksum, corrupt data and a wrong header as the same
//! `io::ErrorKind`, and can only fill memory that was zeroed first. So the frame, thirty lines of the
//! RFC, is read here, and flate2 does the work inside it.
//!
//! A file may be several streams one after another, as the RFC allows and parallel compressors write;
//! their contents are joined. Anything else after a stream, zeros included, is refused.

use std::io::{self, BufRead};

use flate2::{Crc, Decompress, DecompressError, FlushDecompress, Status};

use crate::error::ErrorKind;
use crate::fault::GzipFault;
use crate::read::Source;

/// The first two bytes of a gzip stream.
pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The most that deflate expands: a match of 258 bytes in 2 bits.
pub(crate) const MAX_RATIO: u64 = 258 * 8 / 2;

/// The longest file name or comment that is read over.
const MAX_TEXT_BYTES: usize = 65_535;

const HEADER_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// The content of a gzip file. Its end is reported only after the last checksum has been proven.
pub(crate) struct Inflate<R> {
    input: R,
    deflate: Decompress,
    /// Of the current stream's content.
    crc: Crc,
    /// Of the current stream's header.
    header_crc: Crc,
    place: Place,
}

enum Place {
    Start,
    Inside,
    Trailer,
    End,
}

impl<R: BufRead> Inflate<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            deflate: Decompress::new(false),
            crc: Crc::new(),
            header_crc: Crc::new(),
            place: Place::Start,
        }
    }

    /// Runs `inflate`, which has room for output, until there is some; returns how much, 0 at the end.
    fn advance(
        &mut self,
        mut inflate: impl FnMut(&mut Decompress, &[u8]) -> Result<Status, DecompressError>,
    ) -> Result<usize, ErrorKind> {
        loop {
            match self.place {
                Place::Start => self.header()?,
                Place::Inside => {
                    let input = fill(&mut self.input)?;
                    let (in_before, out_before) =
                        (self.deflate.total_in(), self.deflate.total_out());
                    let status =
                        inflate(&mut self.deflate, input).map_err(|_| GzipFault::Corrupt)?;
                    let consumed = (self.deflate.total_in() - in_before) as usize;
                    let produced = (self.deflate.total_out() - out_before) as usize;
                    self.input.consume(consumed);
                    if status == Status::StreamEnd {
                        self.place = Place::Trailer;
                    } else if consumed == 0 && produced == 0 {
                        return Err(GzipFault::Truncated.into());
                    }
                    if produced > 0 {
                        return Ok(produced);
                    }
                }
                Place::Trailer => self.trailer()?,
                Place::End => return Ok(0),
            }
        }
    }

    fn header(&mut self) -> Result<(), ErrorKind> {
        self.header_crc.reset();
        for byte in MAGIC {
            if self.bytes()? != [byte] {
                // `decode` saw the first stream's magic, so this is what follows a stream.
                return Err(GzipFault::TrailingData.into());
            }
        }
        // Method, flags; then four bytes of time, two of no interest.
        let [method, flags, ..] = self.bytes::<8>()?;
        if method != 8 {
            return Err(GzipFault::Method { found: method }.into());
        }
        if flags & RESERVED != 0 {
            return Err(GzipFault::ReservedFlags { found: flags }.into());
        }
        if flags & EXTRA != 0 {
            for _ in 0..u16::from_le_bytes(self.bytes()?) {
                self.bytes::<1>()?;
            }
        }
        for text in [NAME, COMMENT] {
            if flags & text != 0 {
                self.skip_text()?;
            }
        }
        if flags & HEADER_CRC != 0 {
            let found = self.header_crc.sum() as u16;
            let expected = u16::from_le_bytes(self.bytes()?);
            if expected != found {
                return Err(GzipFault::HeaderChecksum { expected, found }.into());
            }
        }
        self.place = Place::Inside;
        Ok(())
    }

    /// Skips a text that ends with a zero byte.
    fn skip_text(&mut self) -> Result<(), ErrorKind> {
        for _ in 0..=MAX_TEXT_BYTES {
            if self.bytes()? == [0] {
                return Ok(());
            }
        }
        Err(GzipFault::HeaderTooLong.into())
    }

    /// Proves the content's checksum and length, and finds out whether another stream follows.
    fn trailer(&mut self) -> Result<(), ErrorKind> {
        let (found, found_bytes) = (self.crc.sum(), self.deflate.total_out() as u32);
        let expected = u32::from_le_bytes(self.bytes()?);
        if expected != found {
            return Err(GzipFault::Checksum { expected, found }.into());
        }
        let expected_bytes = u32::from_le_bytes(self.bytes()?);
        if expected_bytes != found_bytes {
            return Err(GzipFault::Length { expected_bytes, found_bytes }.into());
        }
        self.crc.reset();
        self.deflate.reset(false);
        self.place = if fill(&mut self.input)?.is_empty() { Place::End } else { Place::Start };
        Ok(())
    }

    /// Reads the next bytes of a header or trailer.
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], ErrorKind> {
        let mut bytes = [0; N];
        for byte in &mut bytes {
            *byte = *fill(&mut self.input)?.first().ok_or(GzipFault::Truncated)?;
            self.input.consume(1);
        }
        self.header_crc.update(&bytes);
        Ok(bytes)
    }
}

impl<R: BufRead> Source for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        let mut filled = 0;
        while filled < buffer.len() {
            let rest = &mut buffer[filled..];
            let produced = self
                .advance(|deflate, input| deflate.decompress(input, rest, FlushDecompress::None))?;
            if produced == 0 {
                break;
            }
            self.crc.update(&rest[..produced]);
            filled += produced;
        }
        Ok(filled)
    }

    fn append(&mut self, out: &mut Vec<u8>) -> Result<usize, ErrorKind> {
        let before = out.len();
        let produced = self
            .advance(|deflate, input| deflate.decompress_vec(input, out, FlushDecompress::None))?;
        self.crc.update(&out[before..]);
        Ok(produced)
    }
}

/// Returns what the input has ready; empty at its end.
fn fill(input: &mut impl BufRead) -> Result<&[u8], ErrorKind> {
    loop {
        match input.fill_buf() {
            Ok([]) => return Ok(&[]),
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ErrorKind::Read(error)),
        }
    }
    // A second call, which reads nothing, because the borrow of the first cannot leave the loop.
    input.fill_buf().map_err(ErrorKind::Read)
}
