/* Page of the run panel. */
import 'uplot/dist/uPlot.min.css';
import './run/runPanel.css';
import { onMessage, remember, recall } from './parts/host';
import { registerControls } from './parts/toolkit';
import { App } from './run/app';

registerControls();
const root = document.getElementById('app');
if (root) {
  const dir = document.body.dataset['run'] ?? '';
  // The editor's serializer needs the folder even when nothing was ever scrolled.
  if (recall()?.dir !== dir) remember({ dir, scroll: 0 });
  const app = new App(root);
  onMessage((message) => app.receive(message));
  app.start();
}
