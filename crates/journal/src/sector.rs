//! Sectors: the 512 bytes that a disk writes whole or not at all, each with a stamp of its own.
//!
//! ```text
//! sector  data [504]  tag u32  crc32c u32 (of segment number u64, sector number u64, data, tag)
//! tag     0           never written: data is zero. A new segment is filled with these before its first use.
//!         2^32 - 1    the header of the segment
//!         otherwise   batch number mod (2^31 - 2), plus 1; the highest bit is set in the first sector of the batch
//! ```
//!
//! A sector is written once after it was filled. So what recovery finds there is one of four things: the fill (never
//! written), a stamp that holds (written), the fill's stamp behind data that has begun to arrive (a write that was cut
//! inside the sector, on a disk with smaller atoms), or neither: then it was written and changed, or is no more what
//! the disk was given. Segment and sector number are under the CRC, so a sector in the wrong place is a changed one.

/// Bytes of a sector.
pub const SECTOR_LEN: usize = 512;
/// Bytes of a sector that hold data.
pub const DATA_LEN: usize = SECTOR_LEN - STAMP_LEN;
/// Bytes of a stamp.
pub const STAMP_LEN: usize = 8;

/// Tag of a sector that was never written.
const TAG_UNWRITTEN: u32 = 0;
/// Tag of the header of a segment.
pub(crate) const TAG_HEADER: u32 = u32::MAX;
/// Set in the tag of the first sector of a batch.
const TAG_FIRST: u32 = 1 << 31;

/// What stands in a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sector<'a> {
    /// Its stamp holds.
    Written { tag: u32, data: &'a [u8] },
    /// It holds the fill.
    Unwritten,
    /// A write began and did not reach its end.
    Unfinished,
    /// Neither: bytes changed.
    Changed,
}

/// The tag of a sector of a batch.
pub(crate) fn batch_tag(batch: u64, is_first: bool) -> u32 {
    let number = u32::try_from(batch % (u64::from(TAG_FIRST) - 2)).unwrap_or(0).saturating_add(1);
    if is_first { number | TAG_FIRST } else { number }
}

/// Whether a tag is that of the first sector of a batch.
pub(crate) fn is_first(tag: u32) -> bool {
    tag & TAG_FIRST != 0 && tag != TAG_HEADER
}

fn place_crc(segment: u64, sector: u64) -> u32 {
    let mut place = [0; 16];
    let (front, back) = place.split_at_mut(8);
    front.copy_from_slice(&segment.to_le_bytes());
    back.copy_from_slice(&sector.to_le_bytes());
    crc32c::crc32c(&place)
}

/// Appends one sector with at most [`DATA_LEN`] bytes of data.
fn put_sector(segment: u64, sector: u64, tag: u32, data: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(data);
    out.resize(start.saturating_add(DATA_LEN), 0);
    out.extend_from_slice(&tag.to_le_bytes());
    let crc = crc32c::crc32c_append(place_crc(segment, sector), out.get(start..).unwrap_or_default());
    out.extend_from_slice(&crc.to_le_bytes());
}

/// Appends `count` sectors of fill.
pub(crate) fn put_fill(segment: u64, sector: u64, count: u64, out: &mut Vec<u8>) {
    for sector in sector..sector.saturating_add(count) {
        put_sector(segment, sector, TAG_UNWRITTEN, &[], out);
    }
}

/// Appends the sectors of a segment header.
pub(crate) fn put_header(segment: u64, header: &[u8], out: &mut Vec<u8>) {
    put_sector(segment, 0, TAG_HEADER, header, out);
}

/// Appends the sectors of a batch, the first of them at `sector`.
pub(crate) fn put_batch(segment: u64, sector: u64, batch: u64, bytes: &[u8], out: &mut Vec<u8>) {
    let mut tag = batch_tag(batch, true);
    for (data, sector) in bytes.chunks(DATA_LEN).zip(sector..) {
        put_sector(segment, sector, tag, data, out);
        tag = batch_tag(batch, false);
    }
}

/// Reads one sector.
pub(crate) fn read(segment: u64, sector: u64, bytes: &[u8]) -> Sector<'_> {
    let Some((covered, crc)) = bytes.split_last_chunk::<4>() else { return Sector::Changed };
    let Some((data, tag)) = covered.split_last_chunk::<4>() else { return Sector::Changed };
    let (tag, crc) = (u32::from_le_bytes(*tag), u32::from_le_bytes(*crc));
    let place = place_crc(segment, sector);
    let holds = data.len() == DATA_LEN && crc32c::crc32c_append(place, covered) == crc;
    match (holds, tag) {
        (true, TAG_UNWRITTEN) if is_zero(data) => Sector::Unwritten,
        (true, TAG_UNWRITTEN) => Sector::Changed,
        (true, _) => Sector::Written { tag, data },
        (false, TAG_UNWRITTEN) if crc32c::crc32c_append(place, &[0; DATA_LEN + 4]) == crc => Sector::Unfinished,
        (false, _) => Sector::Changed,
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
