//! Sets the checksums and chain hashes of journals right.

use tiderace_journal::format::{
    BATCH_HEADER_LEN, BATCH_MAGIC, FILE_HEADER_LEN, RECORD_HEADER_LEN, SEGMENT_BATCH_HEADER_LEN, SEGMENT_BATCH_MAGIC,
};
use tiderace_journal::sector::{DATA_LEN, SECTOR_LEN};

/// Where a batch header holds the length of its body, the number of its records, and the hash of the batch before.
const BODY_LEN_AT: usize = 8;
const RECORDS_AT: usize = 12;
const PREV_HASH_AT: usize = 32;

fn u32_at(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..at + 4).map_or(0, |bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")) as usize)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Seals the records at the front of a body, as far as they are whole.
fn seal_records(mut body: &mut [u8]) {
    while body.len() >= RECORD_HEADER_LEN {
        let end = u32_at(body, 0).saturating_add(RECORD_HEADER_LEN).min(body.len());
        let crc = crc32c::crc32c_append(crc32c::crc32c(&body[..28]), &body[RECORD_HEADER_LEN..end]);
        put(body, 28, &crc.to_le_bytes());
        body = &mut body[end..];
    }
}

/// Seals the batch at the front of `bytes` and chains it to `prev`. Returns its hash and its length, where it is whole.
fn seal_batch(bytes: &mut [u8], header_len: usize, prev: [u8; 32]) -> Option<([u8; 32], usize)> {
    if bytes.len() < header_len {
        return None;
    }
    let end = header_len.saturating_add(u32_at(bytes, BODY_LEN_AT)).min(bytes.len());
    put(bytes, PREV_HASH_AT, &prev);
    seal_records(&mut bytes[header_len..end]);
    let crc = crc32c::crc32c(&bytes[8..header_len]);
    put(bytes, 4, &crc.to_le_bytes());
    Some((*blake3::hash(&bytes[..end]).as_bytes(), end))
}

/// Seals a journal of one file (layout 1).
pub fn file(bytes: &mut [u8]) {
    if bytes.len() < FILE_HEADER_LEN {
        return;
    }
    let crc = crc32c::crc32c(&bytes[..12]);
    put(bytes, 12, &crc.to_le_bytes());
    let (mut at, mut prev) = (FILE_HEADER_LEN, [0; 32]);
    while bytes.get(at..).is_some_and(|rest| rest.starts_with(&BATCH_MAGIC)) {
        let Some((hash, len)) = seal_batch(&mut bytes[at..], BATCH_HEADER_LEN, prev) else { return };
        (at, prev) = (at + len, hash);
    }
}

/// How far a log goes: hash of its last batch, number of the next batch, sequence of the next record.
#[derive(Clone, Copy, Default)]
pub struct Chain {
    root: [u8; 32],
    batch: u64,
    seq: u64,
}

/// Seals a segment (layout 2) of whole sectors that follows `chain`; its batches begin at multiples of `align`. A header
/// whose checksum holds and that lies about the chain is nobody's accident, so it is made to follow.
pub fn segment(bytes: &mut [u8], number: u64, align: usize, chain: &mut Chain) {
    put(bytes, 16, &chain.seq.to_le_bytes());
    put(bytes, 24, &chain.batch.to_le_bytes());
    put(bytes, 32, &chain.root);
    put(bytes, 64, &chain.seq.to_le_bytes());
    let mut at = align;
    while bytes.get(at..).is_some_and(|rest| rest.starts_with(&SEGMENT_BATCH_MAGIC)) {
        let sectors = |bytes: &[u8]| -> Vec<u8> {
            bytes[at..].chunks_exact(SECTOR_LEN).flat_map(|sector| &sector[..DATA_LEN]).copied().collect()
        };
        let mut batch = sectors(bytes);
        let Some((hash, len)) = seal_batch(&mut batch, SEGMENT_BATCH_HEADER_LEN, chain.root) else { break };
        for (sector, data) in bytes[at..].chunks_exact_mut(SECTOR_LEN).zip(batch.chunks(DATA_LEN)) {
            sector[..data.len()].copy_from_slice(data);
        }
        chain.root = hash;
        chain.batch += 1;
        chain.seq = chain.seq.saturating_add(u32_at(&batch, RECORDS_AT) as u64);
        at = (at + len.div_ceil(DATA_LEN) * SECTOR_LEN).next_multiple_of(align);
    }
    for (sector, place) in bytes.chunks_exact_mut(SECTOR_LEN).zip(0_u64..) {
        let crc = crc32c::crc32c(&[number.to_le_bytes(), place.to_le_bytes()].concat());
        let crc = crc32c::crc32c_append(crc, &sector[..SECTOR_LEN - 4]);
        put(sector, SECTOR_LEN - 4, &crc.to_le_bytes());
    }
}

/// Seals a snapshot.
pub fn snapshot(bytes: &mut [u8]) {
    const HASH_AT: usize = 60;
    if bytes.len() < HASH_AT + 32 {
        return;
    }
    let hash = blake3::hash(&[&bytes[..HASH_AT], &bytes[HASH_AT + 32..]].concat());
    put(bytes, HASH_AT, hash.as_bytes());
}
