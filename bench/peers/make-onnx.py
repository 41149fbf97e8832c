"""The weights of a GGUF file as an int4 ONNX model for transformers.js: `make-onnx.py IN.gguf OUT_FOLDER`.

transformers dequantises the file, the model builder of onnxruntime-genai quantises it again (MatMulNBits, blocks of 32).
Needs what requirements-onnx.txt lists.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

source, target = map(Path, sys.argv[1:])
with tempfile.TemporaryDirectory() as folder:
    model = AutoModelForCausalLM.from_pretrained(str(source.parent), gguf_file=source.name)
    # The weights are plain numbers by now, but the model still refuses to be saved as one that came quantised.
    model.hf_quantizer = None
    del model.config.quantization_config
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(str(source.parent), gguf_file=source.name).save_pretrained(folder)
    # int4_accuracy_level 4: activations in 8 bits, the fastest kernel of the WASM build.
    builder = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
    places = ["-i", folder, "-o", str(target), "-c", f"{folder}/cache"]
    kind = ["-p", "int4", "-e", "cpu", "--extra_options", "int4_accuracy_level=4"]
    subprocess.run(builder + places + kind, check=True)
    model.config.save_pretrained(target)  # transformers.js reads it
