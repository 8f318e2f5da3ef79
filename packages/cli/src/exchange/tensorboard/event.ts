// TensorBoard's messages, as far as scalars need them (tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto).
import "@moescope/proto"; // turns the library's Long off, which must not happen after a schema is parsed
import protobuf from "protobufjs";

const schema = `
  syntax = "proto3";
  message Event {
    double wall_time = 1;
    int64 step = 2;
    oneof what {
      string file_version = 3;
      Summary summary = 5;
      SessionLog session_log = 7;
    }
  }
  message SessionLog {
    int32 status = 1;
  }
  message Summary {
    repeated Value value = 1;
    message Value {
      string tag = 1;
      oneof value {
        float simple_value = 2;
        Tensor tensor = 8;
      }
    }
  }
  message Tensor {
    int32 dtype = 1;
    bytes tensor_content = 4;
    repeated float float_val = 5;
    repeated double double_val = 6;
    repeated int32 int_val = 7;
    repeated int64 int64_val = 10;
    repeated bool bool_val = 11;
    repeated int32 half_val = 13;
    repeated uint32 uint32_val = 16;
    repeated uint64 uint64_val = 17;
  }
`;

const type = protobuf.parse(schema).root.lookupType("Event");

/** Seconds since the Unix epoch, and the index of the step. */
export interface Event {
  wallTime: number;
  step: number;
  fileVersion?: string;
  summary?: { value: SummaryValue[] };
  sessionLog?: { status: number };
}

export interface SummaryValue {
  /** Absent where it is empty. */
  tag?: string;
  simpleValue?: number;
  tensor?: Tensor;
}

interface Tensor {
  dtype?: number;
  tensorContent?: Uint8Array;
  floatVal?: number[];
  doubleVal?: number[];
  intVal?: number[];
  int64Val?: number[];
  boolVal?: boolean[];
  /** Bits of 16-bit floats of either kind. */
  halfVal?: number[];
  uint32Val?: number[];
  uint64Val?: number[];
}

/** The first event of every file. */
export const FILE_VERSION = "brain.Event:2";

export function encodeEvent(event: Event): Uint8Array {
  return type.encode(type.fromObject(event)).finish();
}

/** @throws Error when the bytes are no Event */
export function decodeEvent(bytes: Uint8Array): Event {
  return { wallTime: 0, step: 0, ...type.toObject(type.decode(bytes), { longs: Number }) };
}

/** Of a `SessionLog` that begins a session: what was written before of its step and later ones no longer holds. */
export const SESSION_START = 1;

/** How a type of numbers lies in a tensor: in a field of its own, or as bytes. */
interface NumberType {
  width: number;
  field(tensor: Tensor): readonly number[] | undefined;
  read(bytes: DataView): number;
}

const ints = ({ intVal }: Tensor) => intVal;

// Numbers of the types: tensorflow/core/framework/types.proto
const numberTypes: Record<number, NumberType> = {
  1: { width: 4, field: ({ floatVal }) => floatVal, read: (bytes) => bytes.getFloat32(0, true) },
  2: { width: 8, field: ({ doubleVal }) => doubleVal, read: (bytes) => bytes.getFloat64(0, true) },
  3: { width: 4, field: ints, read: (bytes) => bytes.getInt32(0, true) },
  4: { width: 1, field: ints, read: (bytes) => bytes.getUint8(0) },
  5: { width: 2, field: ints, read: (bytes) => bytes.getInt16(0, true) },
  6: { width: 1, field: ints, read: (bytes) => bytes.getInt8(0) },
  9: { width: 8, field: ({ int64Val }) => int64Val, read: (bytes) => Number(bytes.getBigInt64(0, true)) },
  10: { width: 1, field: ({ boolVal }) => boolVal?.map(Number), read: (bytes) => bytes.getUint8(0) },
  14: { width: 2, field: ({ halfVal }) => halfVal?.map(bfloat16), read: (bytes) => bfloat16(bytes.getUint16(0, true)) },
  17: { width: 2, field: ints, read: (bytes) => bytes.getUint16(0, true) },
  19: { width: 2, field: ({ halfVal }) => halfVal?.map(float16), read: (bytes) => float16(bytes.getUint16(0, true)) },
  22: { width: 4, field: ({ uint32Val }) => uint32Val, read: (bytes) => bytes.getUint32(0, true) },
  23: { width: 8, field: ({ uint64Val }) => uint64Val, read: (bytes) => Number(bytes.getBigUint64(0, true)) },
};

/** @returns undefined for what is no scalar: an image, a histogram, text */
export function scalarOf({ simpleValue, tensor }: SummaryValue): number | undefined {
  if (simpleValue !== undefined) return simpleValue;
  const type = numberTypes[tensor?.dtype ?? 0];
  if (tensor === undefined || type === undefined) return undefined;
  const values = type.field(tensor) ?? contentOf(tensor.tensorContent, type);
  return values.length === 1 ? values[0] : undefined;
}

function contentOf(content: Uint8Array | undefined, { width, read }: NumberType): number[] {
  if (content?.length !== width) return [];
  return [read(new DataView(content.buffer, content.byteOffset, width))];
}

/** The upper half of a 32-bit float. */
function bfloat16(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint16(0, bits);
  return view.getFloat32(0);
}

/** IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}
