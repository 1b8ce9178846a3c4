//! Which build of a kernel runs: each is compiled for plain x86-64 (or another processor), AVX2 and AVX-512, and the
//! processor is asked once a call.

use super::{BlockIn, BlockOut, GREEKS, implied, option};

/// The instruction sets that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Processor {
    /// Whatever the build targets.
    Plain,
    /// AVX2 with fused multiply-add: x86-64-v3.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, DQ, VL: x86-64-v4.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Processor {
    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let has_v3 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if has_v3
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
            {
                return Self::Avx512;
            }
            if has_v3 {
                return Self::Avx2;
            }
        }
        Self::Plain
    }
}

/// Compiles one kernel for every processor and picks at run time.
macro_rules! kernel {
    ($name:ident, $module:ident, $columns:expr) => {
        pub(super) fn $name(processor: Processor, input: &BlockIn, output: &mut BlockOut<{ $columns }>) {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2(input: &BlockIn, output: &mut BlockOut<{ $columns }>) {
                $module::$name::<true>(input, output);
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
            fn avx512(input: &BlockIn, output: &mut BlockOut<{ $columns }>) {
                $module::$name::<true>(input, output);
            }
            match processor {
                Processor::Plain => $module::$name::<{ cfg!(target_arch = "aarch64") }>(input, output),
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "a function compiled for more than the baseline is unsafe to call")]
                // SAFETY: `Processor::detect` is the only source of this value and saw these features.
                Processor::Avx2 => unsafe { avx2(input, output) },
                #[cfg(target_arch = "x86_64")]
                #[expect(unsafe_code, reason = "a function compiled for more than the baseline is unsafe to call")]
                // SAFETY: as above.
                Processor::Avx512 => unsafe { avx512(input, output) },
            }
        }
    };
}

kernel!(price, option, 1);
kernel!(digital, option, 1);
kernel!(greeks, option, GREEKS);
kernel!(implied, implied, 1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::BLOCK;

    fn block() -> BlockIn {
        let column = |from: f64, step: f64| std::array::from_fn(|row| from + step * row as f64);
        let columns =
            [column(100.0, 0.5), column(70.0, 1.1), column(0.02, 0.03), column(0.2, 0.01), column(0.99, -0.001)];
        BlockIn { columns, sign: std::array::from_fn(|row| if row % 2 == 0 { 1.0 } else { -1.0 }) }
    }

    #[test]
    fn every_build_that_runs_here_agrees_with_the_plain_one() {
        let mut input = block();
        let mut plain = BlockOut { columns: [[0.0; BLOCK]; GREEKS], sound: [0.0; BLOCK] };
        greeks(Processor::Plain, &input, &mut plain);
        let mut builds = vec![Processor::detect()];
        #[cfg(target_arch = "x86_64")]
        if builds[0] == Processor::Avx512 {
            builds.push(Processor::Avx2);
        }
        for build in builds {
            let mut out = BlockOut { columns: [[0.0; BLOCK]; GREEKS], sound: [0.0; BLOCK] };
            greeks(build, &input, &mut out);
            for (ours, theirs) in out.columns.iter().flatten().zip(plain.columns.iter().flatten()) {
                assert!((ours - theirs).abs() <= 1e-12 * (1.0 + theirs.abs()), "{build:?} {ours} {theirs}");
            }
            let vols = input.columns[3];
            let [forward, strike, t, _, discount] = input.columns;
            input.columns = [out.columns[0], forward, strike, t, discount];
            let mut found = BlockOut { columns: [[0.0; BLOCK]; 1], sound: [0.0; BLOCK] };
            implied(build, &input, &mut found);
            let mut vols_plain = found.clone();
            implied(Processor::Plain, &input, &mut vols_plain);
            for row in (0..BLOCK).filter(|row| found.sound[*row] > 0.0) {
                let tolerance = if (input.sign[row] > 0.0) == (strike[row] > forward[row]) { 1e-11 } else { 1e-5 };
                assert!((found.columns[0][row] / vols[row] - 1.0).abs() < tolerance, "{build:?} {row}");
                assert!((vols_plain.columns[0][row] / vols[row] - 1.0).abs() < tolerance, "{row}");
            }
            input = block();
        }
    }
}
