//! `skewness` and `kurtosis`, by central moments in one pass.
//!
//! See "Statistical aggregate functions" in Trino's documentation
//! (<https://trino.io/docs/current/functions/aggregate.html>); the moments of two sets are joined as in P. Pébay,
//! "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical moments".

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, not_impl_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility};

/// What [`Moments`] hands from one execution partition to the next.
const STATE: [&str; 5] = ["count", "mean", "m2", "m3", "m4"];

pub(super) fn functions() -> Vec<Arc<AggregateUDF>> {
    let function = |name, finish| {
        let signature = Signature::exact(vec![DataType::Float64], Volatility::Immutable);
        Arc::new(AggregateUDF::new_from_impl(OfMoments { name, finish, signature }))
    };
    vec![function("skewness", Finish::Skewness), function("kurtosis", Finish::Kurtosis)]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Finish {
    /// Fisher's moment coefficient.
    Skewness,
    /// The excess kurtosis, unbiased.
    Kurtosis,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OfMoments {
    name: &'static str,
    finish: Finish,
    signature: Signature,
}

impl AggregateUDFImpl for OfMoments {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |name| Arc::new(Field::new(format_state_name(args.name, name), DataType::Float64, false));
        Ok(STATE.into_iter().map(field).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!("{}(DISTINCT …); take it of a subquery with SELECT DISTINCT", self.name);
        }
        Ok(Box::new(MomentsAccumulator { moments: Moments::default(), finish: self.finish }))
    }
}

/// Sums of powers of the distances from the mean.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    fn of(value: f64) -> Self {
        Self { count: 1.0, mean: value, ..Self::default() }
    }

    fn join(&mut self, other: &Self) {
        let (a, b) = (*self, other);
        if b.count == 0.0 {
            return;
        }
        if a.count == 0.0 {
            *self = *other;
            return;
        }
        let n = a.count + b.count;
        let delta = b.mean - a.mean;
        let share = delta / n;
        self.count = n;
        self.mean = a.mean + share * b.count;
        self.m2 = a.m2 + b.m2 + delta * share * a.count * b.count;
        self.m3 = a.m3
            + b.m3
            + delta * share * share * a.count * b.count * (a.count - b.count)
            + 3.0 * share * (a.count * b.m2 - b.count * a.m2);
        let counts = a.count * a.count - a.count * b.count + b.count * b.count;
        self.m4 = a.m4
            + b.m4
            + delta * share.powi(3) * a.count * b.count * counts
            + 6.0 * share * share * (a.count * a.count * b.m2 + b.count * b.count * a.m2)
            + 4.0 * share * (a.count * b.m3 - b.count * a.m3);
    }

    /// NULL of fewer than three values.
    fn skewness(&self) -> Option<f64> {
        (self.count >= 3.0).then(|| self.count.sqrt() * self.m3 / self.m2.powf(1.5))
    }

    /// NULL of fewer than four values.
    fn kurtosis(&self) -> Option<f64> {
        let n = self.count;
        (n >= 4.0).then(|| {
            (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * n * self.m4 / (self.m2 * self.m2) - 3.0 * (n - 1.0))
        })
    }
}

#[derive(Debug)]
struct MomentsAccumulator {
    moments: Moments,
    finish: Finish,
}

impl Accumulator for MomentsAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = values[0].as_primitive::<Float64Type>();
        values.iter().flatten().for_each(|value| self.moments.join(&Moments::of(value)));
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [counts, means, m2, m3, m4] = [0, 1, 2, 3, 4].map(|index| states[index].as_primitive::<Float64Type>());
        for row in 0..counts.len() {
            let [count, mean, m2, m3, m4] = [counts, means, m2, m3, m4].map(|column| column.value(row));
            self.moments.join(&Moments { count, mean, m2, m3, m4 });
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let Moments { count, mean, m2, m3, m4 } = self.moments;
        Ok([count, mean, m2, m3, m4].into_iter().map(|value| ScalarValue::Float64(Some(value))).collect())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(match self.finish {
            Finish::Skewness => self.moments.skewness(),
            Finish::Kurtosis => self.moments.kurtosis(),
        }))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

#[cfg(test)]
mod tests {
    use super::Moments;

    fn moments(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|value| moments.join(&Moments::of(*value)));
        moments
    }

    /// However the values are cut into parts, the moments are those of their definition.
    #[test]
    fn parts_join_to_the_whole() {
        let values: Vec<f64> = (0..50).map(|n| f64::from((n * n * 31) % 97) + 1e6).collect();
        let mean = values.iter().sum::<f64>() / 50.0;
        let power = |power| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>();
        for cut in [0, 1, 2, 25, 49, 50] {
            let mut joined = moments(&values[..cut]);
            joined.join(&moments(&values[cut..]));
            for (found, wanted) in [(joined.m2, power(2)), (joined.m3, power(3)), (joined.m4, power(4))] {
                assert!((found - wanted).abs() <= wanted.abs() * 1e-6, "{found} is not {wanted} at {cut}");
            }
        }
    }
}
