/* Page of time travel: one prompt over all checkpoints. */
import './travel/timeTravel.css';
import { onTravel, sendTravel } from './parts/host';
import { registerControls } from './parts/toolkit';
import { TravelApp } from './travel/app';

registerControls();
const root = document.getElementById('app');
if (root) {
  const app = new TravelApp(root);
  onTravel((message) => app.receive(message));
  sendTravel({ type: 'ready' });
}
