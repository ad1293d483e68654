/** The one import of TensorFlow.js: everything in the kit shares this instance (kernels and gradients registered). */
import * as tf from "@tensorflow/tfjs";
tf.env().set("IS_TEST", true); // no "install our node backend" banner: engines are chosen in lib/engine
export * from "@tensorflow/tfjs";
