/**
 * The Cov3d kit: 3-D chest-CT deep learning, from scan folders to a trained and evaluated network.
 *
 * The verbs, each with one options object: {@linkcode generatePhantom}, {@linkcode openDataset}, {@linkcode audit},
 * {@linkcode preprocess}, {@linkcode train}, {@linkcode resume}, {@linkcode evaluate}, {@linkcode predict},
 * {@linkcode ensemble}, {@linkcode compareModels}, {@linkcode ablate}, {@linkcode diagnose}. The rest is what they are made of.
 *
 * @example
 * ```ts
 * import { evaluate, openDataset, presetConfig, train } from "@cov3d/lib";
 * const dataset = await openDataset({ directory: "COV19-CT-DB" });
 * const config = presetConfig("tiny", { data: { directory: dataset.root }, epochs: 5 });
 * const { folder } = await train({ config });
 * const { presence } = await evaluate({ run: folder, dataset });
 * console.log(presence?.macroF1); // null where the run did not train it
 * ```
 * @module
 */
import { installInterrupt } from "./notebook/interrupt.ts";

// Verbs
export type { GeneratePhantomOptions, PhantomResult } from "./data/phantom/mod.ts";
export { openDataset, type OpenDatasetOptions } from "./data/dataset.ts";
export { audit, type AuditOptions, type AuditReport } from "./data/audit.ts";
export type { PreprocessOptions, PreprocessResult } from "./data/preprocess.ts";
export type { ResumeOptions, TrainOptions } from "./train/train.ts";
export type { TrainResult } from "./train/trainer.ts";
export type { EvaluateOptions, EvaluationResult } from "./evaluate/evaluate.ts";
export type { PredictOptions, PredictResult } from "./evaluate/predict.ts";
export { ensemble, type EnsembleOptions, type EnsembleResult } from "./evaluate/ensemble.ts";
export { compareModels, type CompareModelsOptions, type ModelComparison } from "./evaluate/compare_models.ts";
export {
  ablate,
  evaluate,
  generatePhantom,
  predict,
  preprocess,
  resume,
  startTraining,
  type StartTrainingOptions,
  train,
  type TrainingHandle,
} from "./notebook/verbs.ts";
export { type SliceViewer, sliceViewer, type SliceViewerOptions } from "./report/viewer/viewer.ts";
export { type NotebookProfile, notebookProfile } from "./notebook/profile.ts";
export { contrastTable } from "./notebook/contrast_table.ts";
export { sweepDifferences, sweepNotes, sweepTable } from "./notebook/sweep_table.ts";
export { show, type Showable, type Shown, type ShowOptions } from "./notebook/show.ts";
export {
  classWeightTable,
  leakageTable,
  publishedCountTables,
  publishedWeightTable,
} from "./notebook/dataset_tables.ts";
export { diagnosisTable } from "./notebook/diagnosis_table.ts";
export { expectClose } from "./notebook/expect_close.ts";
export { freshFolder } from "./notebook/fresh_folder.ts";
export { waitForEpochs } from "./notebook/wait_for_epochs.ts";
export { costTable, modelTable, parameterTable, stageTable } from "./notebook/network_tables.ts";
export { saliency, type SaliencyOptions, type SaliencyResult } from "./evaluate/saliency/saliency.ts";
export { findLearningRate, type FindLearningRateOptions, type LearningRates } from "./train/find_learning_rate.ts";
export { demo, type DemoOptions, type DemoResult } from "./demo.ts";

export type { AblateOptions, AblateResult } from "./sweep/ablate.ts";
export { diagnose, type DiagnoseOptions, type Diagnosis } from "./doctor/diagnose.ts";

// Data
export type { Dataset, Scan, Severity, Split, Volume, VolumeSize } from "./data/types.ts";
export { severities } from "./data/types.ts";
export { namedSizes, parseSize, type Recipe, recipeFor } from "./data/size.ts";
export { loadScan, type LoadScanOptions } from "./data/read.ts";
export { scansFromPaths } from "./data/scans_from_paths.ts";
export { openCache, type VolumeCache } from "./data/cache.ts";
export { pruneCache } from "./data/cache_prune.ts";
export { readImage } from "./data/image.ts";
export { resizeBicubic } from "./data/bicubic.ts";
export { splineMatrix } from "./data/spline.ts";
export { bicubicLine, splineLine } from "./data/line_resampling.ts";
export { type ScanKind, scanKind, scanKinds, scansOfEachKind } from "./data/choose_scans.ts";
export { plantLeak, type PlantLeakOptions } from "./data/planted_leak.ts";
export { type IntensityStatistics, intensityStatistics } from "./data/intensity_statistics.ts";
export { type IntensityCounts, intensitySample, type IntensitySampleOptions } from "./data/intensity_sample.ts";
export { type FoldPlan, type FoldScheme, makeFolds, type MakeFoldsOptions } from "./data/folds_make.ts";
export { foldCounts, type FoldFile, foldSplits, readFolds, writeFolds } from "./data/folds_file.ts";
export { type LungCrop, type LungMask, lungMask } from "./data/lung_crop/mod.ts";
export { lungCropPreview, type LungCropPreviewOptions } from "./report/figures/lung_crop.ts";
export { readSquares } from "./data/read.ts";
export { decodeNpy, encodeNpy } from "./data/npy.ts";
export { encodeNiftiHeader, writeNifti } from "./data/nifti_write.ts";
export { formatAudit } from "./data/audit_report.ts";
export { publishedCounts } from "./data/counts.ts";
export { matchedContrasts, summarizeContrast } from "./data/published_effects.ts";
export { errorsBehindF1, intervalOfErrors, publishedPresencePrecision } from "./data/published_precision.ts";
export {
  publishedBaselines,
  type PublishedExperiment,
  type PublishedScore,
  publishedTable3,
  publishedTestScores,
} from "./data/published.ts";

// Engines
export { chooseEngine, engineNames, probeEngines, startEngine } from "./engine/registry.ts";
export { findLibraries } from "./engine/tensorflow/find.ts";
export { installTensorFlow, removeTensorFlow } from "./engine/tensorflow/install.ts";
export { assertSelfTest, selfTest } from "./engine/self_test.ts";
export type { Engine, EngineChoice, EngineName, EngineOps } from "./engine/types.ts";

// Network and training
export { createNetwork } from "./nn/network.ts";
export type { NetworkConfig } from "./nn/config.ts";
export { modelNames, networkConfig, stockConfig } from "./nn/config.ts";
export { countParameters, multiplyAccumulates, stageShapes } from "./nn/cost.ts";
export { planNetwork } from "./nn/plan.ts";
export { freshStem } from "./nn/fresh_stem.ts";
export { sumStemChannels } from "./nn/stem_weights.ts";
export { type StageActivation, stageActivations } from "./nn/stage_activations.ts";
export { estimateTrainingMemory, formatBytes } from "./train/memory.ts";
export { readSafetensors, writeSafetensors } from "./weights/safetensors_file.ts";
export { findStateDict, readTorchCheckpoint, TorchTensor, writeTorchCheckpoint } from "./torch/mod.ts";
export type { TorchArray, TorchCheckpoint, TorchDtype, TorchValue } from "./torch/mod.ts";
export { type Preset, preset, presetConfig, presetNames, presets } from "./train/presets.ts";
export { type PresetDetails, presetDetails } from "./train/preset_details.ts";
export { parseTrainConfig, type TrainConfig, type TrainConfigInput } from "./train/config.ts";
export { cov3dLoss } from "./train/losses.ts";
export { presenceItem, presenceLoss } from "./train/presence_loss.ts";
export { severityLoss } from "./train/severity_loss.ts";
export { crossEntropy, supersetLoss } from "./train/cross_entropy.ts";
export { focalCrossEntropy } from "./train/focal_loss.ts";
export { earthMover } from "./train/earth_mover.ts";
export { presenceTarget, severityClasses, severityTarget } from "./train/targets.ts";
export { faithful, type FaithfulSwitch, faithfulSwitches, type Reading } from "./train/faithful.ts";
export { mergeConfig, type PartialTrainConfig } from "./train/merge_config.ts";
export { classWeights } from "./train/class_weights.ts";
export { presenceWeights, severityWeights, severityWeightsBy } from "./train/class_weights.ts";
export { oneCycle } from "./train/schedule.ts";
export { AdamW } from "./train/optimizer.ts";
export { readRun, type Run } from "./train/run.ts";
export { weightsHash, type WeightsHashOptions } from "./train/weights_hash.ts";
export { compareEngines, type CompareEnginesOptions, type EngineSteps } from "./train/compare_engines.ts";

// Weights from and for PyTorch
export { type ImportedWeights, importWeights, type ImportWeightsOptions } from "./weights/import.ts";
export { inspectWeights, type WeightsInspection } from "./weights/import.ts";
export { type ExportedWeights, exportWeights, type ExportWeightsOptions } from "./weights/export.ts";
export { type DownloadedWeights, downloadWeights, type DownloadWeightsOptions } from "./weights/fetch.ts";
export { listWeights } from "./weights/list.ts";
export { type MappingReport, mapWeights } from "./weights/map.ts";
export { readWeights, type WeightsFile } from "./weights/read.ts";
export { stateShapes } from "./nn/state_shapes.ts";

// Evaluation and reports
export { decode, type Decoded } from "./evaluate/decode.ts";
export { type Prediction, predictionRow, predictionsCsv } from "./evaluate/prediction.ts";
export { meanPrediction } from "./evaluate/mean_prediction.ts";
export { submit, type SubmitOptions, type SubmitResult, type TaskSubmission } from "./evaluate/submission/mod.ts";
export { readPredictions } from "./evaluate/prediction_table.ts";
export { bootstrapInterval } from "./evaluate/intervals.ts";
export { pairedBootstrap } from "./evaluate/paired_bootstrap.ts";
export { comparePredictions } from "./evaluate/compare.ts";
export { comparisonTable } from "./evaluate/compare_summary.ts";
export { delongInterval, delongTest } from "./evaluate/delong.ts";
export { mcnemar } from "./evaluate/mcnemar.ts";
export { brierDecomposition, brierScore, expectedCalibrationError, reliabilityCurve } from "./evaluate/calibration.ts";
export { bestThreshold, thresholdCurve } from "./evaluate/thresholds.ts";
export { combinePresence, combineSeverity } from "./evaluate/combine.ts";
export { bestChanceF1, type ChanceF1, chanceF1 } from "./evaluate/chance_f1.ts";
export { type ComparisonScore, comparisonScores } from "./evaluate/comparison_scores.ts";
export { withMemberSpread } from "./evaluate/member_spread.ts";
export { labelledHalves, type ThresholdTransfer, thresholdTransfer } from "./evaluate/threshold_transfer.ts";
export { evaluationTable } from "./evaluate/summary.ts";
export { classificationScores, confusionMatrix } from "./evaluate/metrics.ts";
export { runFigures } from "./report/run_figures.ts";
export { runReport } from "./report/run_report.ts";
export { measureLesions, scansWithLesions } from "./evaluate/saliency/measure.ts";
export { gridPlaces, mapSlice } from "./evaluate/saliency/grid_map.ts";
export { scanOverlay } from "./evaluate/saliency/scan_overlay.ts";
export { gallery, type GalleryOptions } from "./report/gallery.ts";
export { saliencyGallery, type SaliencyGalleryOptions } from "./report/saliency_gallery.ts";
export { type SaliencyOverlay, saliencyOverlay } from "./evaluate/saliency/overlay.ts";
export { failureGallery } from "./report/failures.ts";
export { comparisonFigure } from "./report/figures/comparison.ts";
export { table3Effects, table3Scores } from "./report/figures/table3_effects.ts";
export { table3Intervals } from "./report/figures/table3_intervals.ts";
export { thresholdCurves } from "./report/figures/threshold_curves.ts";
export { uncertaintyFigure } from "./report/figures/uncertainty.ts";
export { writeSaliency } from "./report/saliency_report.ts";
export { writeFigure } from "./report/figure.ts";
export { depthHistogram } from "./report/figures/depth_histogram.ts";
export { sliceGallery, type SliceGalleryOptions } from "./report/figures/slice_gallery.ts";
export { sizeComparison, type SizeComparisonOptions } from "./report/figures/size_comparison.ts";
export { activationsFigure } from "./report/figures/activations.ts";
export { barsFigure } from "./report/figures/bars.ts";
export { type Curve, curvesFigure, type CurvesPanel } from "./report/figures/curves.ts";
export { stepCurves } from "./report/figures/step_curves.ts";
export { resamplingFigure, type ResamplingFigureOptions } from "./report/figures/resampling.ts";
export { distortionMap, type DistortionMapOptions } from "./report/figures/distortion_map.ts";
export { volumeSizes, type VolumeSizesOptions } from "./report/figures/volume_sizes.ts";
export { intensityHistogram, type IntensityHistogramOptions } from "./report/figures/intensity_histogram.ts";
export { lossCurves } from "./report/figures/loss_curves.ts";
export { networkDiagram } from "./report/figures/network_diagram.ts";
export { oneCycleCurves } from "./report/figures/one_cycle_curves.ts";
export { receptiveFieldFigure } from "./report/figures/receptive_field.ts";
export { smoothingDiagram } from "./report/figures/smoothing_diagram.ts";
export { stemFilters } from "./report/figures/stem_filters.ts";
export { benchmarkRatios } from "./report/figures/benchmark_ratios.ts";
export { type BenchmarkRatio, readBenchmarkRatios } from "./report/benchmark_records.ts";
export { type LesionRatioGroup, lesionRatios, type LesionRatiosOptions } from "./report/figures/lesion_ratios.ts";
export { paperFigures, type PaperFiguresOptions } from "./report/paper_figures/mod.ts";
export { type PaperInputs, paperInputs, type PaperOptions, requireNoProblems } from "./report/paper/inputs.ts";
export { type BuildOptions as BuildPaperOptions, buildPaper, type BuiltPaper } from "./report/paper/build.ts";
export { figureRecord } from "./report/paper_figures/provenance.ts";
export { checkFigures, writeFigures } from "./report/paper_figures/write.ts";
export { receptiveFields } from "./nn/receptive_field.ts";

// Sweeps
export { type CollectResult, collectSweep, summarise as readSweep, type SweepSummary } from "./sweep/collect.ts";
export { effectFigures } from "./sweep/effect_figures.ts";
export { describePlan, type PlanDescription } from "./sweep/describe_plan.ts";
export { exportRecords } from "./sweep/export_records.ts";
export { examplePlan, planNames } from "./sweep/plan_file.ts";
export type { AblateProgress } from "./sweep/sweep_progress.ts";

export { ConfigError, Cov3dError, DataError, EngineError, RunError } from "./errors.ts";
export { cacheRoot } from "./paths.ts";
export { randomStream } from "./random.ts";

installInterrupt(); // in a Jupyter kernel alone, which a stop button would end otherwise
