# The one page of a server whose state stays closed.
locked-title = 這台伺服器已鎖定
locked-why = TPM無法開啟磁碟：可能換過主機板或TPM，或有人用它啟動過別的系統。資料都還在。
locked-what = 請輸入安裝這台伺服器時顯示或抄下的復原金鑰，共八組，每組八個字母。
locked-key = 復原金鑰
locked-open = 開啟
locked-opened = 磁碟已開啟，cake正在啟動。之後這台伺服器會自行開啟磁碟。約一分鐘後即可使用主控台：
locked-console = 前往主控台
locked-wrong = 這不是這些磁碟的復原金鑰，沒有變更任何內容。請檢查是否有看錯的字母，再試一次。
locked-shape = 這不是復原金鑰：復原金鑰共八組，每組八個字母，例如「cbdefghi」。
locked-failed = 無法開啟磁碟。詳細資訊：{ $detail }
