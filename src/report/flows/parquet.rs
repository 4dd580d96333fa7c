//! Flows as Parquet, which analytical databases read directly.
//!
//! Types are those that every reader has: texts, signed numbers of 64 bits, and timestamps in
//! microseconds of UTC (Spark refuses nanoseconds, and makes decimals of unsigned numbers).

use std::io;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::{FlowFormat, FlowSink};
use crate::columns::{COLUMNS, ColumnType, FlowColumn, Value};
use crate::pipeline::JudgedFlow;

/// Row groups, of at most 131,072 rows or some 16 MiB.
pub(super) const FORMAT: FlowFormat = FlowFormat {
    ending: "parquet",
    has_reasons: false,
    has_columns: true,
    is_line_by_line: false,
    start: |_| Ok(Box::new(ParquetRows::new()?)),
};

/// Rows that are encoded together.
const BATCH: usize = 4096;
/// Rows of a row group at most.
const GROUP_ROWS: usize = 131_072;
/// Bytes of a row group in memory after which the next one begins.
const GROUP_BYTES: usize = 16 << 20;
/// Bytes of a page, and of a dictionary.
const PAGE_BYTES: usize = 64 << 10;
const UTC: &str = "UTC";

/// The cells of a column that are not encoded yet.
enum ColumnCells {
    Text(StringBuilder),
    Integer(Int64Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl ColumnCells {
    fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Integer => Self::Integer(Int64Builder::new()),
            ColumnType::Timestamp => {
                Self::Timestamp(TimestampMicrosecondBuilder::new().with_timezone(UTC))
            }
        }
    }

    /// Appends a value; one of another type than the column's is missing.
    fn push(&mut self, value: Value<'_>) {
        match (self, value) {
            (Self::Text(cells), Value::Text(text)) => cells.append_value(text),
            (Self::Text(cells), Value::Address(address)) => {
                cells.append_value(address.to_string());
            }
            (Self::Integer(cells), Value::Integer(number)) => cells.append_value(number),
            (Self::Timestamp(cells), Value::Timestamp(time)) => {
                cells.append_value(time.0.div_euclid(1000));
            }
            (Self::Text(cells), _) => cells.append_null(),
            (Self::Integer(cells), _) => cells.append_null(),
            (Self::Timestamp(cells), _) => cells.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(cells) => Arc::new(cells.finish()),
            Self::Integer(cells) => Arc::new(cells.finish()),
            Self::Timestamp(cells) => Arc::new(cells.finish()),
        }
    }
}

struct ParquetRows {
    schema: SchemaRef,
    cells: Vec<ColumnCells>,
    rows: usize,
    writer: ArrowWriter<Vec<u8>>,
}

impl ParquetRows {
    fn new() -> io::Result<Self> {
        let fields = COLUMNS.iter().map(|column| {
            let kind = match column.kind {
                ColumnType::Text => DataType::Utf8,
                ColumnType::Integer => DataType::Int64,
                ColumnType::Timestamp => {
                    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
                }
            };
            Field::new(column.name, kind, true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let properties = WriterProperties::builder()
            .set_created_by(concat!("portlore ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            // There are many columns, and each holds a page and a dictionary in memory.
            .set_data_page_size_limit(PAGE_BYTES)
            .set_dictionary_page_size_limit(PAGE_BYTES)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            // Numbers and identifiers seldom repeat.
            .set_dictionary_enabled(false);
        let repeats =
            |column: &&FlowColumn| column.kind == ColumnType::Text && column.name != "community_id";
        let properties = COLUMNS.iter().filter(repeats).fold(properties, |properties, column| {
            properties.set_column_dictionary_enabled(ColumnPath::from(column.name), true)
        });
        let properties = properties.build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties))?;
        let cells = COLUMNS.iter().map(|column| ColumnCells::new(column.kind)).collect();
        Ok(Self { schema, cells, rows: 0, writer })
    }

    /// Encodes the rows that wait.
    fn encode(&mut self) -> io::Result<()> {
        if self.rows > 0 {
            let columns = self.cells.iter_mut().map(ColumnCells::finish).collect();
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
                .map_err(io::Error::other)?;
            self.writer.write(&batch)?;
            self.rows = 0;
        }
        Ok(())
    }

    /// Appends to `out` what is whole.
    fn drain(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.writer.sync()?;
        out.append(self.writer.inner_mut());
        Ok(())
    }
}

impl FlowSink for ParquetRows {
    fn flow(&mut self, flow: &JudgedFlow, out: &mut Vec<u8>) -> io::Result<()> {
        for (cells, column) in self.cells.iter_mut().zip(COLUMNS) {
            cells.push(column.value(flow.view()));
        }
        self.rows += 1;
        if self.rows < BATCH {
            return Ok(());
        }
        self.encode()?;
        if self.writer.in_progress_rows() + BATCH > GROUP_ROWS
            || self.writer.memory_size() >= GROUP_BYTES
        {
            self.writer.flush()?;
            self.drain(out)?;
        }
        Ok(())
    }

    fn end(mut self: Box<Self>, out: &mut Vec<u8>) -> io::Result<()> {
        self.encode()?;
        self.writer.finish()?;
        self.drain(out)
    }
}
