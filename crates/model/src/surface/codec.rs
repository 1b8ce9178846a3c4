//! The bytes of a surface, as `SurfacePublished` carries them: fixed little-endian fields, one record a slice.

use tiderace_types::Reason;

use super::{Quality, Slice, Surface};
use crate::chain::{DayWeights, Style};
use crate::svi::Svi;

/// Number of this layout; the first two bytes.
const LAYOUT: u16 = 1;
/// Layout, style, version, time, two weights, count.
const HEAD_LEN: usize = 2 + 1 + 8 + 8 + 16 + 4;
/// Expiry, four numbers, five parameters, three counts, one error.
const SLICE_LEN: usize = 8 + 32 + 40 + 12 + 8;

impl Surface {
    /// The surface as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_LEN + SLICE_LEN * self.slices.len());
        out.extend(LAYOUT.to_le_bytes());
        out.push(match self.style {
            Style::Linear => 0,
            Style::Inverse => 1,
        });
        out.extend(self.version.to_le_bytes());
        out.extend(self.ts_ns.to_le_bytes());
        out.extend(self.weights.weekday.to_le_bytes());
        out.extend(self.weights.weekend.to_le_bytes());
        out.extend(u32::try_from(self.slices.len()).unwrap_or(u32::MAX).to_le_bytes());
        for slice in &self.slices {
            out.extend(slice.expiry.to_le_bytes());
            let numbers = [slice.t, slice.t_weighted, slice.forward, slice.discount];
            for number in numbers.into_iter().chain(slice.svi.params()) {
                out.extend(number.to_le_bytes());
            }
            for count in [slice.quality.quotes, slice.quality.judged, slice.quality.inside] {
                out.extend(count.to_le_bytes());
            }
            out.extend(slice.quality.rmse_vol.to_le_bytes());
        }
        out
    }

    /// The surface of bytes, checked as a new one is.
    ///
    /// # Errors
    /// [`Reason::BadSurface`] where the bytes are not of this layout, or hold no surface free of arbitrage.
    pub fn decode(bytes: &[u8]) -> Result<Self, Reason> {
        let mut reader = Reader(bytes);
        if u16::from_le_bytes(reader.take()?) != LAYOUT {
            return Err(Reason::BadSurface);
        }
        let style = match reader.take::<1>()? {
            [0] => Style::Linear,
            [1] => Style::Inverse,
            _ => return Err(Reason::BadSurface),
        };
        let version = u64::from_le_bytes(reader.take()?);
        let ts_ns = i64::from_le_bytes(reader.take()?);
        let weights = DayWeights { weekday: reader.number()?, weekend: reader.number()? };
        let count = usize::try_from(reader.count()?).map_err(|_| Reason::BadSurface)?;
        if count.checked_mul(SLICE_LEN) != Some(reader.0.len()) {
            return Err(Reason::BadSurface);
        }
        let slices = (0..count).map(|_| reader.slice()).collect::<Result<Vec<Slice>, Reason>>()?;
        Self::new(version, ts_ns, style, weights, slices)
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        let (head, rest) = self.0.split_first_chunk().ok_or(Reason::BadSurface)?;
        self.0 = rest;
        Ok(*head)
    }

    fn number(&mut self) -> Result<f64, Reason> {
        self.take().map(f64::from_le_bytes)
    }

    fn count(&mut self) -> Result<u32, Reason> {
        self.take().map(u32::from_le_bytes)
    }

    fn slice(&mut self) -> Result<Slice, Reason> {
        let expiry = i64::from_le_bytes(self.take()?);
        let (t, t_weighted, forward, discount) = (self.number()?, self.number()?, self.number()?, self.number()?);
        let [a, b, rho] = [self.number()?, self.number()?, self.number()?];
        let svi = Svi::new(a, b, rho, self.number()?, self.number()?).map_err(|_| Reason::BadSurface)?;
        let (quotes, judged, inside) = (self.count()?, self.count()?, self.count()?);
        let quality = Quality { quotes, judged, inside, rmse_vol: self.number()? };
        Ok(Slice { expiry, t, t_weighted, forward, discount, svi, quality })
    }
}
