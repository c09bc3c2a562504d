// The types that Rollcall's dashboards are checked against: one definition per name; see README.md beside the schema.
import type { Dashboard as D } from '@grafana/schema';
import type * as BarGauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as Stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as StateTimeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as Table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as TimeSeries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

export interface DashboardModel extends D {}
export interface BarGaugeOptions extends BarGauge.Options {}
export interface StatOptions extends Stat.Options {}
export interface StateTimelineOptions extends StateTimeline.Options {}
export interface StateTimelineFieldConfig extends StateTimeline.FieldConfig {}
export interface TableOptions extends Table.Options {}
export interface TableFieldConfig extends Table.FieldConfig {}
export interface TimeSeriesOptions extends TimeSeries.Options {}
export interface TimeSeriesFieldConfig extends TimeSeries.FieldConfig {}
