# 警示：現在的情況，以及該怎麼辦。對象的名稱寫在旁邊。

alert-node-away-short = 伺服器沒有回應
alert-node-away = 伺服器的代理程式（cake-node）沒有回應。虛擬機器會繼續執行。
alert-node-away-next = 若持續如此，請看伺服器上cake-node的記錄。
alert-pool-missing-short = 找不到儲存池
alert-pool-missing = 儲存池不見了。
alert-pool-missing-next = 請確認它的硬碟已接上並掛載。
alert-pool-space-short = 儲存池快滿了
alert-pool-space = 儲存池已使用{ $percent }%：{ $size }中只剩{ $free }。
alert-pool-space-next = 請清空垃圾桶、刪除不再需要的虛擬機器和映像檔，或把儲存池移到更大的硬碟。空間用完時，客體會暫停。
alert-vm-no-space-short = 空間不足，已暫停
alert-vm-no-space = 儲存池已滿，客體因此暫停。它的資料沒有遺失。
alert-vm-no-space-next = 請騰出儲存池的空間，客體會在一分鐘內自行繼續。
alert-vm-failed-short = 虛擬機器失敗
alert-vm-failed = 虛擬機器失敗。
alert-vm-failed-next = 請到它的頁面看看發生了什麼事。
alert-vm-crashed-short = 虛擬機器當掉
alert-vm-crashed = 它自行結束，而且不會再啟動。
alert-vm-crashed-next = 請從主控台看看客體的訊息，再啟動一次。
alert-certificate-ends-short = 憑證即將到期
alert-certificate-ends = { $days ->
   *[other] 主控台的憑證將在{ $days }天後到期。到期後，瀏覽器會對開啟主控台的人顯示警告。
}
alert-certificate-ends-next = 請在「設定」上傳新的憑證，或改回內建的憑證。
alert-vm-lost-short = 虛擬機器遺失
alert-vm-lost = cake的記錄裡有它，但沒有任何伺服器有它。
alert-vm-lost-next = 請重新建立，或刪除這筆記錄。
alert-vm-orphaned-short = 未知的虛擬機器
alert-vm-orphaned = 它正在伺服器上執行，但cake的記錄裡沒有它。沒有移除任何東西。
alert-vm-orphaned-next = 按「接管」即可納入記錄，客體不會察覺。
alert-ups-on-battery-short = 使用電池中
alert-ups-on-battery = 伺服器正在使用電池：剩{ $charge }%，約{ $minutes }分鐘。
alert-ups-on-battery-next = 請檢查電源。若未及時恢復，客體和伺服器會自行關機。
alert-ups-low-battery-short = 電池快用完了
alert-ups-low-battery = 電池快用完了，或即將斷電。
alert-ups-low-battery-next = 不需要處理：客體和伺服器會自行關機，電力恢復後再啟動。
alert-ups-away-short = 收不到不斷電系統的訊息
alert-ups-away = 收不到不斷電系統（UPS）的訊息。現在停電不會有人發現。
alert-ups-away-next = 請到「設定」查看原因，並檢查NUT伺服器和它的連接線。
alert-ups-replace-battery-short = 請更換電池
alert-ups-replace-battery = 不斷電系統表示電池需要更換。
alert-ups-replace-battery-next = 請訂購新電池。在更換之前，下次停電時電池可能撐不了多久。
alert-ups-shutdown-short = 因停電關機
alert-ups-shutdown = 電力即將用盡：客體正在關機，接著是可以關機的伺服器。
alert-ups-shutdown-next = 若伺服器仍然開著，表示無法從這裡關機，請手動關機。電力恢復後，客體會再啟動。
