# What servers measured over time, and the energy that they drew.
energy-title = 用電量
energy-now = 目前用電
energy-this-month = 本月
energy-last-month = 上月
energy-all = 合計
energy-share = 分攤的用電
energy-known = 涵蓋{ $percent }%的時間
energy-covered = 有資料的時間
energy-gaps = 部分時間沒有資料時，只計算有資料的部分，不做推測。
energy-vms = 虛擬機器分攤的用電
energy-vms-text = 伺服器目前的用電，依各虛擬機器使用處理器的時間分攤。
usage-year = 一年
usage-least = { $what }，最少
sensor-spark = 最近一小時的圖表
sensor-others = 這台伺服器的其他感測器
sensor-draw = 整台伺服器的用電
sensor-unavailable = 目前無法讀取測量記錄，稍後會自動再試。
kind-sensor = 感測器
# Where a sensor goes.
sensor-nears = 約{ $when }後到達界限
sensor-memory-errors = 可修正的記憶體錯誤
sensor-trend-slows = { $sensor }愈轉愈慢，目前{ $value }：照這個速度，約{ $when }後會低於界限{ $limit }。
sensor-trend-falls = { $sensor }持續下降，目前{ $value }：照這個速度，約{ $when }後會低於界限{ $limit }。
sensor-trend-rises = { $sensor }持續上升，目前{ $value }：照這個速度，約{ $when }後會高於界限{ $limit }。
sensor-trend-counts = { $sensor }愈來愈多：每天約{ $pace }次。
