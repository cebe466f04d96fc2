package pdf

// OnlyEngine says that this build reads without PDFium.
const OnlyEngine = onlyEngine
