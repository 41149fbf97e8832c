// Edge runtimes import a `.wasm` file as a compiled module; bundlers for them keep the import.
declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
