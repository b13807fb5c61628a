//! Parquet, by its column writers: a column at a time, without arrow.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::{Columns, TableError, text};
use crate::results::{Results, Row, Setting};

/// Rows of one group, which is held in memory while it is written.
const GROUP_ROWS: usize = 100_000;

/// Writes the rows. A parameter of the sweep is a number if it is one everywhere, else text.
///
/// # Errors
/// What the writer says.
pub fn parquet(results: &Results, out: impl Write + Send) -> Result<(), TableError> {
    write(results, out).map_err(TableError::new)
}

fn write(results: &Results, out: impl Write + Send) -> Result<(), ParquetError> {
    let columns = Columns::of(results);
    let settings: Vec<(&str, bool)> =
        columns.settings.iter().map(|key| (*key, is_number(results, key))).collect();
    let mut fields = vec![
        field("point", Physical::INT32, Repetition::REQUIRED)?,
        field("replication", Physical::INT32, Repetition::REQUIRED)?,
        field("seed", Physical::INT64, Repetition::REQUIRED)?,
        field("config_hash", Physical::BYTE_ARRAY, Repetition::REQUIRED)?,
        field("version", Physical::BYTE_ARRAY, Repetition::REQUIRED)?,
    ];
    for (key, is_number) in &settings {
        let physical = if *is_number { Physical::DOUBLE } else { Physical::BYTE_ARRAY };
        fields.push(field(&format!("set.{key}"), physical, Repetition::OPTIONAL)?);
    }
    for name in &columns.measures {
        fields.push(field(name, Physical::DOUBLE, Repetition::OPTIONAL)?);
    }
    let schema = Arc::new(Type::group_type_builder("results").with_fields(fields).build()?);
    let mut file = SerializedFileWriter::new(out, schema, Arc::new(WriterProperties::builder().build()))?;
    for rows in results.rows.chunks(GROUP_ROWS) {
        let mut group = file.next_row_group()?;
        required::<_, Int32Type>(&mut group, rows, |row| row.point.cast_signed())?;
        required::<_, Int32Type>(&mut group, rows, |row| row.replication.cast_signed())?;
        required::<_, Int64Type>(&mut group, rows, |row| row.seed.cast_signed())?;
        required::<_, ByteArrayType>(&mut group, rows, |row| ByteArray::from(row.config_hash.as_str()))?;
        required::<_, ByteArrayType>(&mut group, rows, |row| ByteArray::from(row.version.as_str()))?;
        for (key, is_number) in &settings {
            if *is_number {
                optional::<_, DoubleType>(&mut group, rows, |row| match row.settings.get(*key) {
                    Some(Setting::Number(value)) => Some(*value),
                    _ => None,
                })?;
            } else {
                let value =
                    |row: &Row| row.settings.get(*key).map(|setting| ByteArray::from(text(setting).as_str()));
                optional::<_, ByteArrayType>(&mut group, rows, value)?;
            }
        }
        for name in &columns.measures {
            optional::<_, DoubleType>(&mut group, rows, |row| row.measures.get(name))?;
        }
        group.close()?;
    }
    file.close()?;
    Ok(())
}

fn is_number(results: &Results, key: &str) -> bool {
    results
        .rows
        .iter()
        .filter_map(|row| row.settings.get(key))
        .all(|setting| matches!(setting, Setting::Number(_)))
}

/// Numbers of points and replications, and seeds, are unsigned; text is UTF-8.
fn field(name: &str, physical: Physical, repetition: Repetition) -> Result<TypePtr, ParquetError> {
    let logical = match physical {
        Physical::BYTE_ARRAY => Some(LogicalType::String),
        Physical::INT32 => Some(LogicalType::integer(32, false)),
        Physical::INT64 => Some(LogicalType::integer(64, false)),
        _ => None,
    };
    let field = Type::primitive_type_builder(name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(field))
}

/// A column in which every row has a value.
fn required<W: Write + Send, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    rows: &[Row],
    value: impl Fn(&Row) -> T::T,
) -> Result<(), ParquetError> {
    let values: Vec<T::T> = rows.iter().map(value).collect();
    column::<W, T>(group, &values, None)
}

/// A column in which rows may have no value: level 1 where there is one, 0 where not.
fn optional<W: Write + Send, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    rows: &[Row],
    value: impl Fn(&Row) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let cells: Vec<Option<T::T>> = rows.iter().map(value).collect();
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<T::T> = cells.into_iter().flatten().collect();
    column::<W, T>(group, &values, Some(&levels))
}

fn column<W: Write + Send, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("more columns than the schema has".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
