// TensorBoard's messages, as far as scalars need them (tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto).
import protobuf from "protobufjs";

const schema = `
  syntax = "proto3";
  message Event {
    double wall_time = 1;
    int64 step = 2;
    oneof what {
      string file_version = 3;
      Summary summary = 5;
    }
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
  }
`;

const type = protobuf.parse(schema).root.lookupType("Event");

/** Seconds since the Unix epoch, and the index of the step. */
export interface Event {
  wallTime: number;
  step: number;
  fileVersion?: string;
  summary?: { value: SummaryValue[] };
}

export interface SummaryValue {
  tag: string;
  simpleValue?: number;
  tensor?: { dtype?: number; tensorContent?: Uint8Array; floatVal?: number[]; doubleVal?: number[] };
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

// tensorflow/core/framework/types.proto
const DT_FLOAT = 1;
const DT_DOUBLE = 2;

/** @returns undefined for what is no scalar: an image, a histogram, text */
export function scalarOf({ simpleValue, tensor }: SummaryValue): number | undefined {
  if (simpleValue !== undefined) return simpleValue;
  if (tensor?.dtype === DT_FLOAT) return onlyOne(tensor.floatVal ?? contentOf(tensor.tensorContent, 4));
  if (tensor?.dtype === DT_DOUBLE) return onlyOne(tensor.doubleVal ?? contentOf(tensor.tensorContent, 8));
  return undefined;
}

function contentOf(content: Uint8Array | undefined, width: 4 | 8): number[] {
  if (content?.length !== width) return [];
  const view = new DataView(content.buffer, content.byteOffset, width);
  return [width === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true)];
}

function onlyOne(values: readonly number[]): number | undefined {
  return values.length === 1 ? values[0] : undefined;
}
