// Register tiles: `tile_rows` rows x one or two vectors of columns, sums kept in registers. Included by tile.hpp per set.
namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME {

/// out[row] = start[row] + bias + sum over taps and depth of in[row][tap][k] * weight[tap][k], for one tile. `next`: the
/// pixels of the next tile, fetched a line at a time meanwhile; or null.
template <class T, int Vectors, bool Stepped>
KASHI_INLINE void multiply_tile(const MultiplyJob<T>& job, const T* const* in, const T* const* next,
                                const T* const* start, T* const* out) {
  constexpr Index line = 64 / static_cast<Index>(sizeof(T));
  constexpr Index width = lanes<T>;
  Vec<T> sum[tile_rows][Vectors];
  KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
    const Vec<T> bias = job.bias != nullptr ? load(job.bias + j * width) : Vec<T>{};
    KASHI_UNROLL for (int i = 0; i < tile_rows; ++i) sum[i][j] = bias;
  }
  if (job.start != nullptr) {
    KASHI_UNROLL for (int i = 0; i < tile_rows; ++i) {
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) sum[i][j] += load(start[i] + j * width);
    }
  }
  const T* weight = job.weight;
  Index offset = job.in_offset;
  for (Index tap = 0; tap < job.taps; ++tap) {
    if constexpr (!Stepped) {
      if (in[0] == nullptr) {  // outside for the whole tile
        weight += job.depth * Vectors * width;
        in += tile_rows;
        if (next != nullptr) next += tile_rows;
        continue;
      }
    }
    const T* a[tile_rows];
    KASHI_UNROLL for (int i = 0; i < tile_rows; ++i) a[i] = in[i] + offset;
    if constexpr (Stepped) {
      offset += job.tap_step;
    } else {
      in += tile_rows;
    }
    for (Index k = 0; k < job.depth;) {
      const Index end = next == nullptr || job.depth - k < line ? job.depth : k + line;
      if (next != nullptr && next[0] != nullptr) {
        KASHI_UNROLL for (int i = 0; i < tile_rows; ++i) prefetch(next[i] + job.in_offset + k);
      }
      for (; k < end; ++k) {
        Vec<T> w[Vectors];
        KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
          w[j] = load(weight + j * width);
          pin(w[j]);
        }
        KASHI_UNROLL for (int i = 0; i < tile_rows; ++i) {
          const Vec<T> x = broadcast(a[i][k]);
          KASHI_UNROLL for (int j = 0; j < Vectors; ++j) sum[i][j] += x * w[j];
        }
        weight += Vectors * width;
        pin_integer(k);
      }
    }
    if (next != nullptr) next += tile_rows;
  }
  if (job.relu) {
    KASHI_UNROLL for (int i = 0; i < tile_rows; ++i) {
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) sum[i][j] = clipped_relu<T>(sum[i][j], job.most);
    }
  }
  KASHI_UNROLL for (int i = 0; i < tile_rows; ++i) {
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) store(out[i] + j * width, sum[i][j]);
  }
}

/// All tiles of a job. Blocks with fewer columns than the vectors hold go through a copy on the stack.
template <class T, int Vectors, bool Stepped>
__attribute__((noinline)) void multiply_tiles(const MultiplyJob<T>& job) {
  constexpr Index columns = Vectors * lanes<T>;
  T copy[tile_rows * columns] = {};
  const Index in_step = Stepped ? tile_rows : tile_rows * job.taps;
  const T* const* in = job.in;
  T* const* rows = job.out;
  for (Index tile = 0; tile < job.tiles; ++tile, in += in_step, rows += tile_rows) {
    const T* const* next = !Stepped && job.fetch && tile + 1 < job.tiles ? in + in_step : nullptr;
    T* out[tile_rows];
    const T* start[tile_rows];
    for (int i = 0; i < tile_rows; ++i) {
      out[i] = rows[i] + job.out_offset;
      start[i] = job.start != nullptr ? job.start + (out[i] - job.out_base) : nullptr;
    }
    if (job.columns == columns) {
      multiply_tile<T, Vectors, Stepped>(job, in, next, start, out);
      continue;
    }
    T* copies[tile_rows];
    for (int i = 0; i < tile_rows; ++i) {
      copies[i] = copy + i * columns;
      if (job.start == nullptr) continue;
      for (Index c = 0; c < job.columns; ++c) copies[i][c] = start[i][c];
    }
    multiply_tile<T, Vectors, Stepped>(job, in, next, copies, copies);
    for (int i = 0; i < tile_rows; ++i) {
      for (Index c = 0; c < job.columns; ++c) out[i][c] = copies[i][c];
    }
  }
}

/// How the rows of an accumulated tile lie: neighbours that move by the step; anywhere, moved by the step or the offsets.
enum class RowForm { neighbours, stepped, offset };

/// Rows of an accumulated tile. Stems have kernel rows of 9 or 21 values (3x3 and 7x7 on three channels): tiles of 9 rows
/// waste little of their 27 and 147 values, and more pointers than 9 do not fit the registers.
template <RowForm Form>
inline constexpr int accumulate_rows = Form == RowForm::offset && KASHI_REGION_BYTES == 64 ? 9 : tile_rows;

/// out[row][columns] (+)= sum over p of a[row][p] * b[p][columns], for one tile.
template <class T, int Vectors, RowForm Form>
KASHI_INLINE void accumulate_tile(const AccumulateJob<T>& job, const T* const* rows, T* const* out) {
  constexpr Index width = lanes<T>;
  constexpr int Rows = accumulate_rows<Form>;
  Vec<T> sum[Rows][Vectors];
  KASHI_UNROLL for (int i = 0; i < Rows; ++i) {
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) sum[i][j] = job.accumulate ? load(out[i] + j * width) : Vec<T>{};
  }
  const T* a[Rows];
  KASHI_UNROLL for (int i = 0; i < Rows; ++i) a[i] = rows[i];
  const T* first = rows[0];  // with neighbours one pointer does: registers are short
  const T* b = job.b;
  const Index* offsets = job.offsets;
  const Index* end = offsets + job.count;
  const Index step = job.step;
  for (Index at = 0; offsets != end; ++offsets) {
    const Index offset = *offsets;
    const T* columns = b + (Form == RowForm::offset ? at : offset);
    Vec<T> w[Vectors];
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) {
      w[j] = load(columns + j * width);
      pin(w[j]);
    }
    KASHI_UNROLL for (int i = 0; i < Rows; ++i) {
      const Vec<T> x = broadcast(Form == RowForm::neighbours ? first[i]
                                                             : a[i][Form == RowForm::offset ? offset : at]);
      KASHI_UNROLL for (int j = 0; j < Vectors; ++j) sum[i][j] += x * w[j];
    }
    at += step;
    first += step;
    pin_integer(offsets);
  }
  KASHI_UNROLL for (int i = 0; i < Rows; ++i) {
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) store(out[i] + j * width, sum[i][j]);
  }
}

template <class T, int Vectors, bool OffsetsOfRows>
__attribute__((noinline)) void accumulate_tiles(const AccumulateJob<T>& job) {
  constexpr Index columns = Vectors * lanes<T>;
  constexpr Index Rows = accumulate_rows<OffsetsOfRows ? RowForm::offset : RowForm::stepped>;
  const bool neighbours = !OffsetsOfRows && job.rows >= Rows;
  T copy[Rows * columns];
  for (Index first = 0; first < job.rows; first += Rows) {
    const Index rows = job.rows - first < Rows ? job.rows - first : Rows;
    // A last part of a tile: neighbours move back over rows that are done, others repeat the last row.
    const Index done = neighbours ? Rows - rows : 0;
    const bool whole = rows == Rows && job.columns == columns;
    const T* a[Rows];
    T* out[Rows];
    for (Index i = 0; i < Rows; ++i) {
      const Index row = first - done + (i < done + rows ? i : rows - 1);
      a[i] = job.a + (job.row_offsets != nullptr ? job.row_offsets[row] : row);
      out[i] = whole ? job.out + row * job.out_step : copy + i * columns;
      if (whole || !job.accumulate) continue;
      for (Index c = 0; c < columns; ++c) out[i][c] = c < job.columns ? job.out[row * job.out_step + c] : T(0);
    }
    if constexpr (OffsetsOfRows) {
      accumulate_tile<T, Vectors, RowForm::offset>(job, a, out);
    } else if (neighbours) {
      accumulate_tile<T, Vectors, RowForm::neighbours>(job, a, out);
    } else {
      accumulate_tile<T, Vectors, RowForm::stepped>(job, a, out);
    }
    if (whole) continue;
    for (Index i = 0; i < rows; ++i) {
      for (Index c = 0; c < job.columns; ++c) job.out[(first + i) * job.out_step + c] = out[done + i][c];
    }
  }
}

/// Copies the first `Vectors` vectors of each of `count` pixels that stand `step` apart to a dense array.
template <class T, int Vectors>
__attribute__((noinline)) void gather_vectors(const T* from, Index step, Index count, T* to) {
  for (Index i = 0; i < count; ++i, from += step, to += Vectors * lanes<T>) {
    KASHI_UNROLL for (int j = 0; j < Vectors; ++j) store(to + j * lanes<T>, load(from + j * lanes<T>));
  }
}

/// to += from
template <class T>
void add_values(Index count, const T* from, T* to) {
  Index i = 0;
  for (; i + lanes<T> <= count; i += lanes<T>) store(to + i, load(static_cast<const T*>(to + i)) + load(from + i));
  for (; i < count; ++i) to[i] += from[i];
}

template <class T>
inline constexpr TileKernels<T> tile_kernels = {
    lanes<T>,
    tile_rows,
    {{multiply_tiles<T, 1, false>, multiply_tiles<T, 1, true>}, {multiply_tiles<T, 2, false>, multiply_tiles<T, 2, true>}},
    {{accumulate_tiles<T, 1, false>, accumulate_tiles<T, 1, true>},
     {accumulate_tiles<T, 2, false>, accumulate_tiles<T, 2, true>}},
    {gather_vectors<T, 1>, gather_vectors<T, 2>},
    add_values<T>,
};

}  // namespace kashi::inline v0::kernels::inline KASHI_REGION_FLAGS::KASHI_REGION_NAME
